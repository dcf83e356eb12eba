def shown(url):
    return url.replace(password="********")


def prompt(form):
    form.password = ""
    return form
